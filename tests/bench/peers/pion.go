// pion - one end of a data channel that carries all it can, with pion; ../dc-bulk.c says what it reads and prints.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/logging"
	"github.com/pion/webrtc"
)

const (
	bufferedMax = 1 << 20
	bufferedLow = bufferedMax / 2
)

var (
	bytes, messages uint64
	started         = time.Now()
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pion:", err)
		os.Exit(1)
	}
}

func emit(v interface{}) {
	line, err := json.Marshal(v)
	must(err)
	fmt.Println(string(line))
}

func count(raw datachannel.ReadWriteCloser, size int) {
	buf := make([]byte, 1<<18)
	for {
		n, err := raw.Read(buf)
		must(err)
		if n != size {
			must(fmt.Errorf("a message of %d bytes came", n))
		}
		atomic.AddUint64(&bytes, uint64(n))
		atomic.AddUint64(&messages, 1)
	}
}

func send(dc *webrtc.DataChannel, raw datachannel.ReadWriteCloser, low <-chan struct{}, size int) {
	message := make([]byte, size)
	for {
		for dc.BufferedAmount() > bufferedMax {
			<-low
		}
		_, err := raw.Write(message)
		must(err)
	}
}

func describe(pc *webrtc.PeerConnection, d webrtc.SessionDescription, err error) {
	must(err)
	gathered := webrtc.GatheringCompletePromise(pc)
	must(pc.SetLocalDescription(d))
	<-gathered
	emit(pc.LocalDescription())
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: pion offer|answer BYTES ordered|unordered")
		os.Exit(2)
	}
	offers, ordered := os.Args[1] == "offer", os.Args[3] == "ordered"
	size, err := strconv.Atoi(os.Args[2])
	must(err)

	settings := webrtc.SettingEngine{}
	logger := logging.NewDefaultLoggerFactory()
	logger.Writer = os.Stderr
	settings.LoggerFactory = logger
	settings.DetachDataChannels() // its own read loop makes a copy of each message
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	must(err)

	begin := make(chan struct{}, 1)
	serve := func(dc *webrtc.DataChannel) {
		dc.OnOpen(func() {
			raw, err := dc.Detach()
			must(err)
			low := make(chan struct{}, 1)
			dc.SetBufferedAmountLowThreshold(bufferedLow)
			dc.OnBufferedAmountLow(func() {
				select {
				case low <- struct{}{}:
				default:
				}
			})
			emit(map[string]bool{"open": true})
			if offers {
				go func() {
					<-begin
					send(dc, raw, low, size)
				}()
			}
			go count(raw, size)
		})
	}
	pc.OnDataChannel(serve)

	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	remote := func() {
		var d webrtc.SessionDescription
		if !in.Scan() {
			os.Exit(1)
		}
		must(json.Unmarshal(in.Bytes(), &d))
		must(pc.SetRemoteDescription(d))
	}
	if offers {
		dc, err := pc.CreateDataChannel("bulk", &webrtc.DataChannelInit{Ordered: &ordered})
		must(err)
		serve(dc)
		offer, err := pc.CreateOffer(nil)
		describe(pc, offer, err)
		remote()
	} else {
		remote()
		answer, err := pc.CreateAnswer(nil)
		describe(pc, answer, err)
	}
	for in.Scan() {
		if offers {
			select {
			case begin <- struct{}{}:
			default:
			}
		} else {
			emit(map[string]interface{}{"time": time.Since(started).Seconds(),
				"bytes": atomic.LoadUint64(&bytes), "messages": atomic.LoadUint64(&messages)})
		}
	}
}
