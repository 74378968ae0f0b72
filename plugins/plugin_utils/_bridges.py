# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open vSwitch bridges of a site, and Neutron's names of the physical networks behind them."""

from __future__ import annotations

__all__ = ["EXTERNAL", "OWN_BRIDGES", "SETTINGS", "TENANT"]

EXTERNAL = {"name": "br-external", "physical_network": "external"}
TENANT = {"name": "br-tenant", "physical_network": "tenant"}
# The setting that names the interface, by physical network.
SETTINGS = {EXTERNAL["physical_network"]: "cloud_external_interface", TENANT["physical_network"]: "cloud_vlan_interface"}
# Names that no interface in a site's settings may have. Neutron's agents and Open vSwitch create the last three.
OWN_BRIDGES = (EXTERNAL["name"], TENANT["name"], "br-int", "br-tun", "ovs-system")
