"""Where utterances come from: loaders of real corpora and manifests."""
