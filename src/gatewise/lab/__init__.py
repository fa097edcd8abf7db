"""The lab: small seeded experiments on what a recurrent network remembers and on what its gates are worth."""
