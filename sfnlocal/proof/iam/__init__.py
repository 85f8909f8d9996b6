"""IAM: who may do what, by the policies of the template."""
