package main

import (
	"errors"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc"
)

const bufferedMax = 1 << 20

var errSlow = errors.New("nothing for too long")

type message struct {
	data []byte
	text bool
}

// channel is a detached data channel whose messages come out of a queue, so that a reader can wait with a limit.
type channel struct {
	dc     *webrtc.DataChannel
	raw    datachannel.ReadWriteCloser
	opened chan struct{}
	in     chan message // closed when the channel is
	low    chan struct{}
}

func newChannel(dc *webrtc.DataChannel) *channel {
	c := &channel{dc: dc, opened: make(chan struct{}), in: make(chan message, 16), low: make(chan struct{}, 1)}
	dc.OnOpen(func() {
		raw, err := dc.Detach()
		must(err)
		c.raw = raw
		// Only from here on: on channels opened by the other side an earlier setting is lost.
		dc.SetBufferedAmountLowThreshold(bufferedMax / 2)
		dc.OnBufferedAmountLow(func() {
			select {
			case c.low <- struct{}{}:
			default:
			}
		})
		go c.read()
		close(c.opened)
	})
	return c
}

func (c *channel) read() {
	defer close(c.in)
	buf := make([]byte, 1<<20)
	for {
		n, text, err := c.raw.ReadDataChannel(buf)
		if err != nil {
			return
		}
		again.received(n)
		c.in <- message{append([]byte{}, buf[:n]...), text}
	}
}

func (c *channel) send(m message) error {
	again.over.Wait()
	for c.dc.BufferedAmount() > bufferedMax {
		select {
		case <-c.low:
		case <-time.After(10 * time.Second):
			return errSlow
		}
	}
	_, err := c.raw.WriteDataChannel(m.data, m.text)
	return err
}

func (c *channel) receive() (message, error) {
	select {
	case m, ok := <-c.in:
		if !ok {
			return m, errors.New("channel closed")
		}
		return m, nil
	case <-time.After(10 * time.Second):
		return message{}, errSlow
	}
}
