"""What no visit will come back for: found by comparing inventories, and put right with care.

``inventory`` looks, ``decisions`` decides without looking anywhere else, ``run`` acts and reports.
"""
