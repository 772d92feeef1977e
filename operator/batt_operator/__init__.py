"""Everything of batt that talks to a Kubernetes API server: the operator and the commands that work on a cluster."""

import sys

if "kopf" in sys.modules:  # `kopf run -m batt_operator` imports this and looks for handlers; commands do without kopf
    from batt_operator import handlers as handlers
