import Testing
import Trace

@testable import WorldCache

@Suite("Policies as text")
struct SpecTests {
  private func fails(_ text: String, _ message: String, location: SourceLocation = #_sourceLocation) {
    expectPolicyError(message, location: location) { _ = try PolicyRegistry.plan(text) }
  }

  private let known = "known are " + PolicyRegistry.entries.map(\.name).joined(separator: ", ")

  @Test("an unknown policy names the nearest one, if any is near")
  func unknownPolicy() {
    fails("wurldcache", "there is no policy 'wurldcache' (did you mean 'worldcache'?); \(known)")
    fails("Taylor:order=1", "there is no policy 'Taylor' (did you mean 'taylor'?); \(known)")
    fails("zebra", "there is no policy 'zebra'; \(known)")
    fails("", "there is no policy ''; \(known)")
    fails(":every=3", "':every=3' does not begin with a policy's name; write name or name:key=value,…")
  }

  @Test("an unknown key names the nearest one, if any is near")
  func unknownKey() {
    fails(
      "taylor:intervall=5",
      "policy 'taylor' has no parameter 'intervall' (did you mean 'interval'?); "
        + "it has variant, interval, order, first-enhance, before, after, site")
    fails(
      "worldcache:p_stable=0.3",
      "policy 'worldcache' has no parameter 'p_stable' (did you mean 'p-stable'?); it has variant, "
        + "p-stable, p-chaotic, criterion, quantiles, groups, n-max, eta, warmup, normalisation, coupling")
    fails("interval:zzzzzzzzz=5", "policy 'interval' has no parameter 'zzzzzzzzz'; it has every, phase, site")
    fails("always:every=3", "policy 'always' has no parameters, so 'every' cannot be set")
  }

  @Test("a value out of range names the range")
  func range() {
    fails(
      "worldcache:p-stable=1.5",
      "p-stable=1.5 of policy 'worldcache' is not allowed; "
        + "it takes a number from 0 to 1")
    fails(
      "worldcache:p-stable=-0.1",
      "p-stable=-0.1 of policy 'worldcache' is not allowed; "
        + "it takes a number from 0 to 1")
    fails(
      "worldcache:eta=-1",
      "eta=-1 of policy 'worldcache' is not allowed; "
        + "it takes a number of at least 0")
    fails(
      "taylor:interval=0",
      "interval=0 of policy 'taylor' is not allowed; "
        + "it takes a whole number of at least 1")
    fails(
      "taylor:order=5",
      "order=5 of policy 'taylor' is not allowed; "
        + "it takes a whole number from 0 to 4")
    fails(
      "ideal:calls=0",
      "calls=0 of policy 'ideal' is not allowed; "
        + "it takes a whole number of at least 1, or one for each chunk joined by +")
  }

  @Test("a value of the wrong type names the type")
  func wrongType() {
    fails(
      "taylor:interval=2.5",
      "interval=2.5 of policy 'taylor' is not allowed; "
        + "it takes a whole number of at least 1")
    fails(
      "taylor:interval=99999999999999999999",
      "interval=99999999999999999999 of policy 'taylor' is not allowed; "
        + "it takes a whole number of at least 1")
    fails(
      "worldcache:eta=much",
      "eta=much of policy 'worldcache' is not allowed; "
        + "it takes a number of at least 0")
    fails(
      "worldcache:eta=nan",
      "eta=nan of policy 'worldcache' is not allowed; "
        + "it takes a number of at least 0")
    fails(
      "worldcache:eta=inf",
      "eta=inf of policy 'worldcache' is not allowed; "
        + "it takes a number of at least 0")
    fails(
      "interval:phase=sideways",
      "phase=sideways of policy 'interval' is not allowed; "
        + "it takes one of down, up")
  }

  @Test("what is not key=value is shown")
  func form() {
    fails("interval:every", "'every' in 'interval:every' is not key=value")
    fails("interval:every=", "'every=' in 'interval:every=' is not key=value")
    fails("interval:=3", "'=3' in 'interval:=3' is not key=value")
    fails("interval:every=3,", "'' in 'interval:every=3,' is not key=value")
    fails("interval:", "'interval:' ends after the colon; write interval or interval:key=value,…")
  }

  @Test("a key may be given once")
  func twice() {
    fails("interval:every=3,every=3", "'every' is given twice in 'interval:every=3,every=3'")
  }

  @Test("settings that contradict one another are refused")
  func contradiction() throws {
    fails(
      "worldcache:p-stable=0.7",
      "p-stable=0.7 of policy 'worldcache' is above p-chaotic=0.6; it must be at most p-chaotic")
    #expect(try PolicyRegistry.plan("worldcache:p-stable=0.6").spec.settings[0].value == "0.6")
  }

  @Test("a setting without a default must be given")
  func required() {
    fails(
      "ideal", "policy 'ideal' needs calls: a whole number of at least 1, or one for each chunk joined by +")
  }

  @Test("the canonical spelling has every parameter in declared order and the shortest numbers")
  func canonical() throws {
    let spellings = [
      "always": "always", "interval:phase=up,every=+4": "interval:every=4,phase=up,site=output",
      "taylor": "taylor:interval=5,order=2,first-enhance=3,site=output",
      "worldcache:eta=2.50,p-stable=1e-1":
        "worldcache:p-stable=0.1,p-chaotic=0.6,n-max=6,eta=2.5,warmup=5,normalisation=code",
      "worldcache:eta=1e300,p-stable=-0,p-chaotic=1.0":
        "worldcache:p-stable=0,p-chaotic=1,n-max=6,eta=1e+300,warmup=5,normalisation=code",
    ]
    for (written, canonical) in spellings {
      let plan = try PolicyRegistry.plan(written)
      #expect(plan.spec.description == canonical)
      #expect(try PolicyRegistry.plan(canonical).spec == plan.spec)
    }
  }

  @Test("numbers that are added to are bounded, so that no sum overflows")
  func largestNumbers() throws {
    let stream = Synthetic(.still, seed: 1, calls: 9, tokens: 2)
    for (key, policy, low) in [("warmup", "worldcache", 0), ("first-enhance", "taylor", 1)] {
      fails(
        "\(policy):\(key)=9223372036854775807",
        "\(key)=9223372036854775807 of policy '\(policy)' is not allowed; it takes a whole number "
          + "from \(low) to 1000000")
      // The largest one ends in an error about the stream.
      #expect(throws: PolicyError.self) {
        try PolicyRegistry.plan("\(policy):\(key)=1000000").policy(for: stream.geometry)
      }
    }
    // Whole numbers without such a bound may be as large as they come.
    for spec in ["worldcache:n-max", "taylor:interval", "interval:every"] {
      #expect(try StreamReplay("\(spec)=9223372036854775807", stream).decisions.count == 9)
    }
  }

  @Test("distance counts insertions, deletions and substitutions")
  func distance() {
    // kitten, sitten, sittin, sitting.
    #expect(Spelling.distance("kitten", "sitting") == 3)
    #expect(Spelling.distance("", "abc") == 3)
    #expect(Spelling.distance("abc", "") == 3)
    #expect(Spelling.distance("abc", "abc") == 0)
  }

  @Test("a policy refuses a trace of another site")
  func otherSite() throws {
    let synthetic = Synthetic([[[[1]], [[2]], [[3]]]], site: .stack)
    expectPolicyError(
      "interval:every=3,phase=down,site=output caches output, but this geometry was measured at stack"
    ) {
      _ = try PolicyRegistry.plan("interval").policy(for: synthetic.geometry)
    }
  }
}
