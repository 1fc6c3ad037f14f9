"""This installation: the packages it stands on and their licences, processors, folders, addresses. Trains nothing."""
