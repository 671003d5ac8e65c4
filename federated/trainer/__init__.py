"""The trainer `federated`: all sites of a corpus in this process, by the rounds and answers of a real federation."""
