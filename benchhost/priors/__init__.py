"""Files of trained diffusion priors, each with its model card; samplers and trainings read them from here."""
