import Testing

@testable import WorldCache

@Suite("Several settings of a policy as text")
struct PolicySweepTests {
  private func specs(_ text: String) throws -> [String] {
    try PolicySweep(parsing: text).specs().map(\.description)
  }

  @Test("alternatives make a product in which the first setting varies slowest")
  func product() throws {
    #expect(
      try specs("worldcache:eta=0.5|1,n-max=2|6") == [
        "worldcache:eta=0.5,n-max=2", "worldcache:eta=0.5,n-max=6", "worldcache:eta=1,n-max=2",
        "worldcache:eta=1,n-max=6",
      ])
    #expect(try PolicySweep(parsing: "a:b=1|2|3,c=x|y").count == 6)
  }

  @Test("ranges include both ends; decimals are exact")
  func ranges() throws {
    #expect(try specs("interval:every=2..4") == ["interval:every=2", "interval:every=3", "interval:every=4"])
    #expect(
      try specs("interval:every=2..9..3") == ["interval:every=2", "interval:every=5", "interval:every=8"])
    // 0.1 + 0.1 + 0.1 would be 0.30000000000000004.
    #expect(
      try specs("worldcache:eta=0.1..0.35..0.1") == [
        "worldcache:eta=0.10", "worldcache:eta=0.20", "worldcache:eta=0.30",
      ])
    #expect(try specs("a:b=-1..1|7") == ["a:b=-1", "a:b=0", "a:b=1", "a:b=7"])
    #expect(try specs("a:b=-0.5..0..0.25") == ["a:b=-0.50", "a:b=-0.25", "a:b=0.00"])
    #expect(try specs("a:b=3..3") == ["a:b=3"])
  }

  @Test(
    "one setting is read as it was written, and stays canonical",
    arguments: [
      "always", "worldcache:eta=0.5,n-max=2", "interval:every=3,site=rest.1", "a:file=../x.json",
      "a:b=\"1|2\"",
      "a:b=\"1..3, 5\"",
    ])
  func single(text: String) throws {
    #expect(try PolicySweep(parsing: text).specs() == [PolicySpec(parsing: text)])
    #expect(try PolicySweep(parsing: text).count == 1)
  }

  @Test("plans of several sweeps stand in order, each once")
  func plans() throws {
    let plans = try PolicySweep.plans(["interval:every=2..3|3|2", "taylor", "interval"], limit: 9)
    #expect(plans.map(\.spec.name) == ["interval", "interval", "taylor"])
  }

  @Test(
    "what is wrong is named",
    arguments: [
      ("interval:every=2|", "'every=2|' has an empty alternative; write every=a|b"),
      ("interval:every=6..2", "the range '6..2' of every is empty: 6 is above 2"),
      ("interval:every=1..5..0", "the step of the range '1..5..0' of every must be above zero"),
      ("worldcache:eta=0.1..1", "the range '0.1..1' of eta needs a step, such as 0.1..1..0.1"),
      ("interval:every=1..2000000", "the range '1..2000000' of every has more than a million numbers"),
      (
        "interval:every=2|x",
        "every=x of policy 'interval' is not allowed; it takes a whole number of at least 1"
      ),
      ("interval:every=1..60", "'interval:every=1..60' makes 60 settings; at most 50 are replayed at once"),
    ])
  func errors(text: String, message: String) {
    expectPolicyError(message) { _ = try PolicySweep.plans([text], limit: 50) }
  }

  @Test("a huge product is refused before it is made")
  func huge() {
    // 9000 to the sixth is more than 64 bits hold.
    let text = "taylor:" + ["a", "b", "c", "d", "e", "f"].map { "\($0)=1..9000" }.joined(separator: ",")
    expectPolicyError("'\(text)' makes too many settings; at most 50 are replayed at once") {
      _ = try PolicySweep.plans([text], limit: 50)
    }
    expectPolicyError("'taylor:order=1|2' makes 2 settings after 49 others; at most 50 are replayed at once")
    {
      _ = try PolicySweep.plans(["interval:every=1..49", "taylor:order=1|2"], limit: 50)
    }
  }
}
