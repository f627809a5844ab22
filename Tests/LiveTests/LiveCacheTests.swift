import ModelSupport
import TestSupport
import Testing
import Trace

@testable import WorldCache
@testable import WorldModel

@Suite("Policies in a running model")
struct LiveCacheTests {
  @Test("computing every call is the plain rollout, bit by bit", arguments: [1, 2.5])
  func always(guidance: Double) throws {
    let rollout = try LiveRollout.rollout(guidance: guidance, steps: 4, chunks: 2)
    var cache = try LiveRollout.cache("always", rollout)
    let cached = try rollout.run(hook: &cache)
    #expect(cached.map(\.latent) == (try rollout.run()).map(\.latent))
    #expect(cache.streams.map { $0.picture(lane: 0) } == ["CCCC", "CCCC"])
    #expect(cache.streams.allSatisfy { $0.peakByteCount == 0 })
  }

  @Test("a policy that never skips changes nothing either, whatever it keeps", arguments: [1, 2.5])
  func neverSkipping(guidance: Double) throws {
    let rollout = try LiveRollout.rollout(guidance: guidance, steps: 5)
    let plain = try rollout.run()[0].latent
    for spec in [
      "interval:every=1,site=stack", "easycache:threshold=0", "seacache:threshold=0", "freqca:interval=1",
    ] {
      var cache = try LiveRollout.cache(spec, rollout)
      #expect(try rollout.run(hook: &cache)[0].latent == plain, "\(spec)")
    }
  }

  // Holding over a streak is one larger Euler step between the noise levels of the computed calls.
  @Test("holding equals Euler on the computed calls' noise levels", arguments: [1, 2.5])
  func holdIsEuler(guidance: Double) throws {
    let rollout = try LiveRollout.rollout(guidance: guidance, steps: 9)
    let calls = [0, 1, 4, 6, 8]
    for site in ["output", "guided"] {
      var cache = try LiveRollout.cache("mask:calls=0+1+4+6+8,predictor=hold,site=\(site)", rollout)
      let held = try rollout.run(hook: &cache)[0].latent
      #expect(cache.streams[0].picture(lane: 0) == "CCppCpCpC")
      let fewer = Rollout(
        rollout, schedule: Schedule(sigmas: calls.map { rollout.schedule.sigmas[$0] } + [0]))
      let euler = try fewer.run()[0].latent
      let size = euler.values.reduce(0) { max($0, abs($1)) }
      for (a, b) in zip(held.values, euler.values) {
        // Nine single-precision additions in place of five; the network hardly enlarges what they differ by.
        #expect(abs(a - b) <= 1e-5 * size)
      }
      #expect(held != (try rollout.run()[0].latent))
    }
  }

  // The same policy over the same uncached tensors: once from distances, once from the tensors themselves.
  @Test("signals from tensors and from distances lead to the same decisions", arguments: [1, 2.5])
  func twoSources(guidance: Double) throws {
    let rollout = try LiveRollout.rollout(guidance: guidance)
    try LiveRollout.record(rollout, Onward()) { reader, _ in
      let catalog = GeometryCatalog(reader)
      for spec in LiveRollout.specs {
        let plan = try PolicyRegistry.plan(spec)
        let geometry = try plan.geometries(in: catalog)[0]
        let replay = StreamReplay(try plan.policy(for: geometry), over: geometry)
        var cache = try LiveRollout.cache(spec, rollout)
        let outcome = try Playback(reader).run(hook: &cache)
        #expect(outcome.parting == nil && outcome.comparedCount == 0)
        let stream = cache.streams[0]
        for (a, b) in zip(stream.lanes, replay.lanes) {
          #expect(a.map(\.action) == b.map(\.action), "\(spec)")
          #expect(a.map(\.reason) == b.map(\.reason), "\(spec)")
          for (x, y) in zip(a, b) {
            guard let p = x.signal, let q = y.signal, !(p.isNaN && q.isNaN), p != q else { continue }
            // Distances are stored in double precision; a second difference loses half the digits at worst.
            #expect(abs(p - q) <= 1e-5 * max(abs(p), abs(q)), "\(spec): \(p) \(q)")
          }
        }
      }
    }
  }

  @Test(
    "a recorded live run marks what it announced, and the same policy decides and announces the same over it",
    arguments: [1, 2.5])
  func recorded(guidance: Double) throws {
    let rollout = try LiveRollout.rollout(guidance: guidance)
    var skipping = 0
    for spec in LiveRollout.specs {
      let plan = try PolicyRegistry.plan(spec)
      let live = try LiveRollout.cache(spec, rollout)
      let request = try plan.request(blockCount: 6)
      let stretch = request?.site.stretch(blockCount: 6)
      let looked = request?.changes.flatMap { [$0.quantity.tap, $0.quantity.minus] } ?? []
      let taps = Set([.latent, .output, .guided, stretch?.from, stretch?.to] + looked).compactMap { $0 }
      try LiveRollout.record(rollout, live, taps: taps) { reader, recorder in
        let live = recorder.inner as! LiveCache
        let stream = live.streams[0]
        try expectHonest(reader, stream, plan)
        var again = try LiveRollout.cache(spec, rollout)
        let outcome = try Playback(reader).run(hook: &again)
        #expect(outcome.parting == nil, "\(spec)")
        #expect(outcome.largestDifference == 0, "\(spec)")
        #expect(again.streams.story == live.streams.story, "\(spec)")
        #expect("\(again.streams.map(\.lanes))" == "\(live.streams.map(\.lanes))", "\(spec)")
        if stream.computedCount < stream.decisionCount {
          skipping += 1
          #expect(outcome.comparedCount > 0 && stream.peakByteCount > 0, "\(spec)")
        }
        // Only an uncached trace can be replayed from its geometry.
        if stream.computedCount < stream.decisionCount {
          #expect(throws: TraceError.self) { try plan.geometries(in: GeometryCatalog(reader)) }
        }
      }
    }
    #expect(skipping >= 30, "\(skipping) of \(LiveRollout.specs.count) skip")
  }

  // At the site's end a value is fresh where the branch was computed and predicted where not; between the
  // beginning and the end of a call that all branches skip there is nothing.
  private func expectHonest(_ reader: TraceReader, _ stream: LiveStream, _ plan: PolicyPlan) throws {
    guard let site = try plan.request(blockCount: 6)?.site else { return }
    let (_, to) = site.stretch(blockCount: 6)!
    for call in reader.calls where to != .guided || call.branch == 0 {
      let branch = to == .guided ? 0 : call.branch
      let lane = stream.covered.firstIndex { $0.contains(branch) }!
      let isComputed = stream.lanes[lane][call.position].action == .compute
      let state = try reader.state(of: to, call: call.ordinal)
      #expect(state == (isComputed ? .fresh : .predicted), "\(plan.spec), call \(call.ordinal)")
      for tap in reader.taps where tap > to && (tap != .guided || call.branch == 0) {
        let after = try reader.state(of: tap, call: call.ordinal)
        if !isComputed { #expect(after == .derived, "\(plan.spec), call \(call.ordinal), \(tap)") }
      }
    }
  }

  @Test("what was recorded under one policy and is decided by another parts where it must")
  func parting() throws {
    let rollout = try LiveRollout.rollout(steps: 6)
    try LiveRollout.record(rollout, LiveRollout.cache("mask:calls=0+2+5", rollout)) { reader, _ in
      // Computing call 1, which the recording holds predicted, is where they part.
      var other = try LiveRollout.cache("mask:calls=0+1+2+5", rollout)
      let outcome = try Playback(reader).run(hook: &other)
      #expect(outcome.parting?.call.position == 1)
      #expect(outcome.parting?.tap == .output)
      // Predicting what was computed is no parting: all that it asks for is there.
      var fewer = try LiveRollout.cache("mask:calls=0+5", rollout)
      #expect(try Playback(reader).run(hook: &fewer).parting == nil)
      #expect(fewer.streams[0].picture(lane: 0) == "CppppC")
    }
  }

  @Test("a policy that needs the recorded future is refused before the first call")
  func oracles() throws {
    let rollout = try LiveRollout.rollout(steps: 6)
    for (spec, message) in [
      ("ideal:calls=3", "is made from a recorded rollout and cannot decide in one that is running"),
      ("worldcache:n-max=2,warmup=3,coupling=separate", ""),
      ("mask:calls=0+9", "computes call 9 of chunk 0, which has the calls 0 to 5"),
      ("interval:site=rest.6", "needs more than the model's 6 blocks"),
    ] {
      do {
        _ = try LiveRollout.cache(spec, rollout)
        #expect(message.isEmpty, "\(spec)")
      } catch {
        #expect("\(error)".contains(message) && !message.isEmpty, "\(error)")
      }
    }
  }

  // Holding with one anchor: the newest value stays from the call that made it to the next computed one.
  @Test("a cache that holds one value holds one tensor")
  func cacheBytes() throws {
    let rollout = try LiveRollout.rollout(steps: 7)
    let config = rollout.weights.config
    let tensor = 4 * config.outputLayout.tokens.count * config.outputLayout.channelCount
    for (spec, count) in [
      ("mask:calls=0+3+6,predictor=hold", 1), ("mask:calls=0+1+3,predictor=taylor,order=1", 2),
      ("mask:calls=0+1+2+3+4+5+6,predictor=hold", 0),
    ] {
      var cache = try LiveRollout.cache(spec, rollout)
      _ = try rollout.run(hook: &cache)
      #expect(cache.streams[0].peakByteCount == count * tensor, "\(spec)")
    }
  }
}
