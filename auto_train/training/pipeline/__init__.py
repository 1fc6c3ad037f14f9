"""QPipeline: a training described by arguments instead of an INI, for tasks of one's own."""
