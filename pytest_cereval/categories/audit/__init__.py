"""Security audit: weaknesses are planted in certified functions, and a finding counts when an exploit reproduces it."""
