"""Everything of batt that talks to a Kubernetes API server: the operator and the commands that work on a cluster."""
