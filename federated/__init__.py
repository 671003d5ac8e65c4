"""Federation: hospitals train and are audited without sharing a patient. Empty until its first trainer."""
