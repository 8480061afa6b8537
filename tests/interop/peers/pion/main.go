// peer - pion as the other end of an interop test; see ../../README.md for what every peer promises.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/webrtc"
)

type options struct {
	role, mode, stun, label string
	unordered               bool
	maxRetransmits          int
	channels, rounds        int
	limit, bulk             int
	tcp                     int
	restart                 int
	sizes                   [2]int // the largest message they take, the largest we take
}

var (
	opt    options
	stdout sync.Mutex
)

// emit prints one JSON line for the program that runs us.
func emit(v interface{}) {
	stdout.Lock()
	defer stdout.Unlock()
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
}

func say(format string, a ...interface{}) {
	fmt.Fprintf(os.Stderr, "pion: "+format+"\n", a...)
}

func must(err error) {
	if err != nil {
		say("%v", err)
		os.Exit(1)
	}
}

func parseOptions() {
	flag.StringVar(&opt.role, "role", "", "offer or answer")
	flag.StringVar(&opt.mode, "mode", "", "check or echo")
	flag.StringVar(&opt.stun, "stun", "", "STUN server HOST:PORT")
	flag.StringVar(&opt.label, "label", "peer", "label of the channel we open")
	flag.BoolVar(&opt.unordered, "unordered", false, "our channel is unordered")
	flag.IntVar(&opt.maxRetransmits, "max-retransmits", -1, "our channel gives up after so many")
	flag.IntVar(&opt.channels, "channels", 0, "check: open so many channels at once, instead of the series")
	flag.IntVar(&opt.rounds, "rounds", 1, "check: open and close them so many times")
	flag.IntVar(&opt.limit, "limit", 1<<30, "check: no message larger than this")
	flag.IntVar(&opt.bulk, "bulk", 10<<20, "check: bytes of the last step")
	flag.IntVar(&opt.tcp, "tcp", 0, "no UDP, but be called by TCP at this port")
	flag.IntVar(&opt.restart, "restart", 0, "restart ICE when so many bytes have come in")
	flag.Parse()
	if (opt.role != "offer" && opt.role != "answer") || (opt.mode != "check" && opt.mode != "echo") {
		flag.Usage()
		os.Exit(2)
	}
}

var stdin = bufio.NewReaderSize(os.Stdin, 1<<20)

func readDescription() webrtc.SessionDescription {
	line, err := stdin.ReadBytes('\n')
	must(err)
	var d webrtc.SessionDescription
	must(json.Unmarshal(line, &d))
	return d
}

var maxMessageSize = regexp.MustCompile(`(?m)^a=max-message-size:(\d+)`)

// largest message that the writer of this description takes (RFC 8841 section 6.1: absent is 64K, 0 is no limit).
func largest(sdp string) int {
	m := maxMessageSize.FindStringSubmatch(sdp)
	if m == nil {
		return 65536
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n == 0 {
		return 1 << 30
	}
	return n
}

func describe(pc *webrtc.PeerConnection, d webrtc.SessionDescription, err error) {
	must(err)
	gathered := webrtc.GatheringCompletePromise(pc)
	must(pc.SetLocalDescription(d))
	<-gathered
	emit(pc.LocalDescription())
}

func channelInit() *webrtc.DataChannelInit {
	ordered := !opt.unordered
	init := &webrtc.DataChannelInit{Ordered: &ordered}
	if opt.maxRetransmits >= 0 {
		n := uint16(opt.maxRetransmits)
		init.MaxRetransmits = &n
	}
	return init
}

func open(pc *webrtc.PeerConnection, label string) *channel {
	dc, err := pc.CreateDataChannel(label, channelInit())
	must(err)
	return newChannel(dc)
}

func main() {
	parseOptions()
	settings := webrtc.SettingEngine{}
	logger := logging.NewDefaultLoggerFactory()
	logger.Writer = os.Stderr // stdout is for results; it has words for packets that come while it closes
	settings.LoggerFactory = logger
	settings.DetachDataChannels() // its own read loop has a buffer of 65535 bytes
	if opt.tcp != 0 {
		listenTCP(&settings, logger.NewLogger("tcp"))
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings))
	config := webrtc.Configuration{}
	if opt.stun != "" {
		config.ICEServers = []webrtc.ICEServer{{URLs: []string{"stun:" + opt.stun}}}
	}
	pc, err := api.NewPeerConnection(config)
	must(err)
	again.pc, again.at = pc, opt.restart

	ended := make(chan string, 8)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		say("connection %s", s)
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			ended <- s.String()
		}
	})
	echo := newEcho()
	pc.OnDataChannel(func(dc *webrtc.DataChannel) {
		emit(map[string]interface{}{"channel": dc.Label(), "ordered": dc.Ordered(),
			"maxRetransmits": dc.MaxRetransmits(), "maxPacketLifeTime": dc.MaxPacketLifeTime()})
		if opt.mode == "echo" {
			echo.serve(newChannel(dc))
		}
	})

	var first *channel
	if opt.role == "offer" {
		first = open(pc, opt.label)
		offer, err := pc.CreateOffer(nil)
		describe(pc, offer, err)
		must(pc.SetRemoteDescription(readDescription()))
	} else {
		must(pc.SetRemoteDescription(readDescription()))
		if opt.mode == "check" {
			first = open(pc, opt.label)
		}
		answer, err := pc.CreateAnswer(nil)
		describe(pc, answer, err)
	}
	opt.sizes = [2]int{largest(pc.RemoteDescription().SDP), largest(pc.LocalDescription().SDP)}

	ok := true
	if opt.mode == "check" {
		ok = check(pc, first, ended)
	} else {
		if first != nil {
			echo.serve(first)
		}
		ok = echo.wait(ended)
	}
	if err := pc.Close(); err != nil { // the other side may have gone first
		say("close: %v", err)
	}
	time.Sleep(100 * time.Millisecond) // its last datagrams leave from other goroutines
	if !ok {
		os.Exit(1)
	}
}
