"""Papers: what people lay beside a report when it is filed - a dossier, waivers, the last audit, an end date."""
