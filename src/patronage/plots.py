"""Pictures of customers and models, for notebooks and runs."""
