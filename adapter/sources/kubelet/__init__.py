"""Values scraped from the kubelets themselves: client, decoder, scraper, two-point storage."""
