"""What laws and standards ask of an audited model, and what of it a report answers. Nothing here is legal advice.

Laws: a text counts as read only where somebody read it, on a date, at an address; what nobody answered is unknown and
opens no gate; a person's statement counts only from a signed dossier; a requirement without evidence says what is
missing and who must supply it.
"""
