"""Was a modality that its speaker opted out of shown, cited, quoted or kept?"""
