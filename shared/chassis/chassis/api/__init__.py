"""What every service's HTTP side stands on."""
