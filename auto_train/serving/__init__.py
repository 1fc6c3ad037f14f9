"""From image bytes to answers: finding the model, engines, the Predictor, limits. REST itself is in auto_train/api."""
