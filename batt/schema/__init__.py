"""What is generated from the API types: CRD, JSON schema for editors, field docs."""
