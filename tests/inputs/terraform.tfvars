# Valid values of the required inputs, which the runs in tests/ change one at a time.

name    = "fw-test"
network = { vpc_id = "vpc-0123456789abcdef0" }

interfaces = {
  data       = { role = "data", device_index = 0, subnet_ids = { us-east-1a = "subnet-0a" } }
  management = { role = "management", device_index = 1, subnet_ids = { us-east-1a = "subnet-0b" } }
}

firewall = { panos_version = "11.2.15" }
capacity = { min = 1, max = 3 }
