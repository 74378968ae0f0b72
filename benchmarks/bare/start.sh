# Goes before the script of each node.
set -euo pipefail
start() {
    systemctl unmask --quiet "$@"
    systemctl enable --quiet --no-reload "$@" 2>/dev/null
    systemctl restart "$@"
}
systemctl daemon-reload
