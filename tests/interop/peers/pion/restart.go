package main

import (
	"sync"

	"github.com/pion/webrtc"
)

// restart is an ICE restart of ours, once, when so many bytes have come in. Until the other side has answered nothing is
// sent, so that what follows has to go the new way.
type restart struct {
	pc   *webrtc.PeerConnection
	at   int
	got  int
	lock sync.Mutex
	over sync.WaitGroup
}

var again restart

func (r *restart) received(n int) {
	r.lock.Lock()
	defer r.lock.Unlock()
	before := r.got
	r.got += n
	if r.at == 0 || before >= r.at || r.got < r.at {
		return
	}
	r.over.Add(1)
	go func() {
		defer r.over.Done()
		offer, err := r.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
		describe(r.pc, offer, err)
		must(r.pc.SetRemoteDescription(readDescription()))
		emit(map[string]interface{}{"restarted": true})
	}()
}
