package main

import (
	"os"
	"os/signal"
	"syscall"
)

// terminated has a word when the runner wants an echo to end that nobody else ended.
func terminated() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	return c
}
