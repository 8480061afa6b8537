package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"time"

	"github.com/pion/webrtc"
)

type result struct {
	Check   string  `json:"check"`
	OK      bool    `json:"ok"`
	Bytes   int     `json:"bytes"`
	Ms      float64 `json:"ms"`
	MaxID   int     `json:"maxId,omitempty"`
	Skipped string  `json:"skipped,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// report runs one step and prints its line.
func report(name string, size int, step func() error) bool {
	start := time.Now()
	err := step()
	r := result{Check: name, OK: err == nil, Bytes: size, Ms: float64(time.Since(start).Microseconds()) / 1000}
	if err != nil {
		r.Error = err.Error()
	}
	emit(r)
	return err == nil
}

func noise(size int) []byte {
	b := make([]byte, size)
	rand.New(rand.NewSource(int64(size) + 1)).Read(b)
	return b
}

func check(pc *webrtc.PeerConnection, first *channel, ended <-chan string) bool {
	select {
	case <-first.opened:
	case how := <-ended:
		emit(result{Check: "open", Error: "the connection is " + how})
		return false
	case <-time.After(20 * time.Second):
		emit(result{Check: "open", Error: "no channel after 20 s"})
		return false
	}
	if opt.channels > 0 {
		for i := 1; i <= opt.rounds; i++ {
			if !round(pc, i) {
				return false
			}
		}
		return true
	}
	return series(first)
}

func series(c *channel) bool {
	steps := []struct {
		name string
		m    message
	}{
		{"empty text", message{[]byte{}, true}},
		{"empty", message{[]byte{}, false}},
		{"1 byte", message{[]byte{0xa5}, false}},
		{"text", message{[]byte("Grüße, 世界 \U0001F6F0 \x00 end"), true}},
		{"1200 B", message{noise(1200), false}},
		{"16 KiB", message{noise(16 << 10), false}},
		{"64 KiB", message{noise(64 << 10), false}},
		{"200 KiB", message{noise(200 << 10), false}},
	}
	max := opt.limit
	for _, n := range opt.sizes {
		if n < max {
			max = n
		}
	}
	for _, s := range steps {
		s := s
		if len(s.m.data) > max {
			emit(result{Check: s.name, OK: true, Skipped: fmt.Sprintf("at most %d bytes here", max)})
			continue
		}
		if !report(s.name, len(s.m.data), func() error { return roundTrip(c, s.m) }) {
			return false
		}
	}
	return report("bulk", opt.bulk, func() error { return bulk(c, max) })
}

func roundTrip(c *channel, m message) error {
	if err := c.send(m); err != nil {
		return err
	}
	back, err := c.receive()
	if err != nil {
		return err
	}
	return same(back, m)
}

func same(got, want message) error {
	if got.text != want.text {
		return fmt.Errorf("text %v came back as text %v", want.text, got.text)
	}
	if !bytes.Equal(got.data, want.data) {
		return fmt.Errorf("%d bytes came back as %d other bytes", len(want.data), len(got.data))
	}
	return nil
}

// bulk sends numbered messages; an unordered channel may give them back in any order, a lossy one is used in lock step.
func bulk(c *channel, max int) error {
	size := 16 << 10
	if max < size {
		size = max
	}
	count := (opt.bulk + size - 1) / size
	pattern := noise(size + 4096)
	nth := func(i int) message {
		d := append([]byte{}, pattern[i%4096:i%4096+size]...)
		d[0], d[1], d[2], d[3] = byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
		return message{d, false}
	}
	sent := make(chan error, 1)
	turn := make(chan struct{}, count)
	go func() {
		for i := 0; i < count; i++ {
			if i > 0 && opt.maxRetransmits >= 0 {
				<-turn
			}
			if err := c.send(nth(i)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	seen := make([]bool, count)
	for i := 0; i < count; i++ {
		m, err := c.receive()
		if err != nil {
			return fmt.Errorf("message %d of %d: %v", i, count, err)
		}
		if len(m.data) < 4 {
			return fmt.Errorf("message %d has %d bytes", i, len(m.data))
		}
		n := int(m.data[0])<<24 | int(m.data[1])<<16 | int(m.data[2])<<8 | int(m.data[3])
		if n >= count || seen[n] || (!opt.unordered && n != i) {
			return fmt.Errorf("message %d came in the place of %d", n, i)
		}
		seen[n] = true
		if err := same(m, nth(n)); err != nil {
			return fmt.Errorf("message %d: %v", n, err)
		}
		turn <- struct{}{}
	}
	return <-sent
}

// round opens all channels, has one message echoed on each, closes them and waits until both directions are closed.
func round(pc *webrtc.PeerConnection, i int) bool {
	max := 0
	start := time.Now()
	err := func() error {
		var all []*channel
		for n := 0; n < opt.channels; n++ {
			all = append(all, open(pc, fmt.Sprintf("%s %d/%d", opt.label, i, n)))
		}
		for n, c := range all {
			select {
			case <-c.opened:
			case <-time.After(10 * time.Second):
				return fmt.Errorf("channel %d does not open", n)
			}
			if id := c.dc.ID(); id != nil && int(*id) > max {
				max = int(*id)
			}
			if err := c.send(message{noise(n + 1), false}); err != nil {
				return err
			}
		}
		for n, c := range all {
			back, err := c.receive()
			if err == nil {
				err = same(back, message{noise(n + 1), false})
			}
			if err != nil {
				return fmt.Errorf("channel %d: %v", n, err)
			}
			if err := c.dc.Close(); err != nil {
				return err
			}
		}
		for n, c := range all {
			if _, err := c.receive(); err == nil || errors.Is(err, errSlow) {
				return fmt.Errorf("channel %d does not close", n)
			}
		}
		return nil
	}()
	ms := float64(time.Since(start).Milliseconds())
	r := result{Check: fmt.Sprintf("round %d", i), OK: err == nil, MaxID: max, Ms: ms}
	if err != nil {
		r.Error = err.Error()
	}
	emit(r)
	return err == nil
}
