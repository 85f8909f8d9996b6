"""What HTTP fronts share: requests and answers, the client's key, and the function that starts
executions from a queue. Deployed with each front's own folder."""
