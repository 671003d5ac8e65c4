"""All sites in this process: the same ServerApp and ClientApp code, without a daemon, a port or a second process."""
