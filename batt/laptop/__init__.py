"""A whole run on this machine: processes as pods, and how it is shown."""
