"""Language models as reasoners: what is asked, how labels are scored, and what omni-modal and text models share."""
