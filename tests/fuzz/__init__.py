"""The fuzzer: damaged input for everything that the functions read from outside.

``make fuzz`` runs it. Six targets read queue messages, settings, secrets, the responses of PAN-OS
devices, and the answers of the credit-pool API and of Strata Cloud Manager through the code that
the handlers use. Every input is a real example, damaged by a random generator of its own, so that
the seed and the number of an input reproduce it.

``damage`` has the mutators, ``targets`` what is read and what counts as correct, ``judge`` the
verdict about one input, ``processes`` runs the inputs in child processes, ``minimize`` shortens the
inputs that fail, and ``report`` prints.
"""
