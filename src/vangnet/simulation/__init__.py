"""Made-up but realistic installations, people and cases, for demos and tests. Nothing in it is anybody's."""
