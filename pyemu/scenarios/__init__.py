"""The library of scenarios, as TOML files (`pyemu.scenario.Scenario.load`)."""
