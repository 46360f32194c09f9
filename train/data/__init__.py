"""What training reads: phantoms in a cache, sentences in banks, augmentation."""
