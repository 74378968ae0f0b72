# Two commands matter: `make cloud` builds a three-node OpenStack in the lab from nothing, `make test` proves it.
# Everything below works on the site INVENTORY; the lab's is the default.

INVENTORY ?= inventories/lab/hosts.yml
VENV      ?= .venv
PLAY      := $(VENV)/bin/ansible-playbook -i $(INVENTORY) $(ARGS)

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Inventories may name it, and make -C does not set it.
export PWD := $(CURDIR)
export OS_CLIENT_CONFIG_FILE ?= $(CURDIR)/clouds.yaml

.DEFAULT_GOAL := help
.PHONY: help venv cloud site ready resources verify rotate-keys lab-up lab-down lab-snapshot lab-restore lab-forget ssh test test-full lint unit unit-matrix database browser tempest security behaviour rungs

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(VENV)/.done ## What the controller side needs, into .venv

$(VENV)/.done: requirements.txt scripts/venv
	scripts/venv $(VENV)

cloud: venv ## Everything from nothing: lab, cloud, first resources, an instance with its volume
	@scripts/phase start
	@scripts/phase run lab       $(PLAY) playbooks/lab_up.yml
	@scripts/phase run site      $(PLAY) playbooks/site.yml
	@scripts/phase run resources $(PLAY) playbooks/resources.yml
	@scripts/phase run verify    $(PLAY) playbooks/verify.yml -e verify_keep=true
	@scripts/phase summary $(INVENTORY)

site: venv ## Bring the nodes of INVENTORY into the described state
	$(PLAY) playbooks/site.yml

ready: venv ## Wait until every service and agent reports itself alive
	$(PLAY) playbooks/preflight.yml playbooks/ready.yml

resources: venv ## Flavours, images, networks
	$(PLAY) playbooks/resources.yml

verify: venv ## Boot an instance, reach it, write to its volume, clean up
	$(PLAY) playbooks/verify.yml

rotate-keys: venv ## Rotate the keys of Keystone's tokens and credentials, at most every other day
	$(PLAY) playbooks/rotate_keys.yml

tempest: venv ## OpenStack's own tests, Tempest's smoke set (about an hour in the lab)
	$(PLAY) playbooks/tempest.yml

security: venv ## The checklists of the OpenStack Security Guide, item by item
	$(PLAY) playbooks/security_check.yml

lab-up: venv ## Start the lab's three nodes
	$(PLAY) playbooks/lab_up.yml

lab-down: venv ## Stop them and leave nothing behind (the cache stays)
	$(PLAY) playbooks/lab_down.yml

SNAPSHOT = $(PLAY) playbooks/lab_snapshot.yml -e lab_snapshot_name=$(or $(NAME),$(error Say which snapshot: make $@ NAME=fresh))

lab-snapshot: venv ## Keep the disks of all nodes as they are now: make lab-snapshot NAME=fresh
	$(SNAPSHOT) -e lab_snapshot_state=taken

lab-restore: venv ## All nodes go back to a snapshot, and boot
	$(SNAPSHOT) -e lab_snapshot_state=restored

lab-forget: venv ## Remove a snapshot
	$(SNAPSHOT) -e lab_snapshot_state=removed

NODE ?= controller
ssh: export NODE_SSH_ARGS := $(ARGS)
ssh: ## A shell on a node: make ssh NODE=network
	@scripts/node-ssh $(INVENTORY) $(NODE)

behaviour: venv ## What the finished cloud does, one proof at a time; ARGS="-m 'not slow'"
	INVENTORY=$(INVENTORY) $(VENV)/bin/pytest --verbose --capture=no --durations=0 --junitxml=.cache/results/behaviour.xml tests/behaviour $(ARGS)

test: venv ## Lint, unit tests, and the whole cloud in a lab of its own
	scripts/test

test-full: venv ## What takes hours as well: runs that are killed, nodes that lose their power, full disks
	scripts/test full

lint: venv ## Style and types
	scripts/lint

unit: venv ## Unit tests
	$(VENV)/bin/pytest -q tests/unit

unit-matrix: venv ## Unit tests with every ansible-core and Python that is supported, without ansible.cfg
	scripts/matrix

database: venv ## Schemas in a MariaDB of the tests' own: creations that are killed, upgrades, data that has to stay
	scripts/database-packages
	$(VENV)/bin/pytest -q --junitxml=.cache/results/database.xml tests/database $(ARGS)

browser: venv ## Horizon in a headless browser, up to the keyboard of an instance
	scripts/browser-packages
	INVENTORY=$(INVENTORY) $(VENV)/bin/pytest --exitfirst -v --no-header --junitxml=.cache/results/browser.xml tests/browser

rungs: ## What the tests that have run proved, rung by rung
	@scripts/rungs
