package main

import "sync"

// echo sends back what comes, on every channel, until the connection or the last channel ends. (pion tells of the
// other side's close_notify only by closing the channels; its connection state follows half a minute later.)
type echo struct {
	mu      sync.Mutex
	opened  int
	count   int
	largest int
	active  int
	idle    chan struct{} // has a word when the last channel closed
}

func newEcho() *echo {
	return &echo{idle: make(chan struct{}, 1)}
}

func (e *echo) serve(c *channel) {
	go func() {
		<-c.opened
		e.mu.Lock()
		e.opened++
		e.active++
		e.mu.Unlock()
		for m := range c.in {
			e.mu.Lock()
			e.count++
			if len(m.data) > e.largest {
				e.largest = len(m.data)
			}
			e.mu.Unlock()
			if err := c.send(m); err != nil {
				say("echo on %q: %v", c.dc.Label(), err)
			}
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.active--; e.active == 0 {
			select {
			case e.idle <- struct{}{}:
			default:
			}
		}
	}()
}

// wait is true if at least one channel was there before the connection ended.
func (e *echo) wait(ended <-chan string) bool {
	select {
	case how := <-ended:
		say("the connection is %s", how)
	case <-e.idle:
		say("all channels are closed")
	case <-terminated():
		say("told to end")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	emit(map[string]interface{}{"echoed": e.count, "largest": e.largest, "channels": e.opened})
	return e.opened > 0
}
