"""What people run by hand beside the workflows; each script needs boto3 only."""
