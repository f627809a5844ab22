import Testing

@testable import WorldCache

@Suite("Agreement of replay with live runs")
struct ValidationTests {
  // Ranks of 3, 1, 4, 1: 2, ½, 3, ½. Of 10, 20, 30, 5: 1, 2, 3, 0. Deviations from 1½: ½ −1 1½ −1 and −½ ½ 1½ −1½:
  // products −¼ −½ 2¼ 1½ = 3; squares ¼ 1 2¼ 1 = 4½ and ¼ ¼ 2¼ 2¼ = 5.
  @Test func rankCorrelationByHand() throws {
    let value = try #require(RankCorrelation.spearman([3, 1, 4, 1], [10, 20, 30, 5]))
    expectClose(value, 3 / (4.5 * 5).squareRoot(), relative: 1e-12)
    #expect(RankCorrelation.spearman([1, 2, 3], [10, 100, 1000]) == 1)
    #expect(RankCorrelation.spearman([1, 2, 3], [3, 2, 1]) == -1)
    #expect(RankCorrelation.spearman([1, 1], [1, 2]) == nil)
    #expect(RankCorrelation.spearman([1], [1]) == nil)
  }

  private func record(
    _ policy: String = "p", computed: Int, estimate: Double, live: Double, replay: String = "#",
    run: String = "#",
    ratio: Double = 1
  ) throws -> ValidationRecord {
    let still = Synthetic(.still, seed: 1, calls: 4)
    var record = ValidationRecord(
      rollout: "r", scene: 1, noise: 0,
      replay: try Replay(PolicyRegistry.plan("always"), over: [still.geometry]),
      live: [], liveError: live, psnr: nil, rgbRatio: ratio, disparityRatio: 1, motionRatio: 1)
    record.policy = policy
    record.liveComputed = computed
    record.estimates = ["direct": estimate]
    (record.replayDecisions, record.liveDecisions) = ([replay], [run])
    return record
  }

  @Test func estimatesAgainstLiveErrorsByHand() throws {
    // At 5 computed calls the smaller estimate has 3 times the smaller error; at 6 it is the best.
    let records = [
      try record(computed: 5, estimate: 1, live: 3), try record(computed: 5, estimate: 2, live: 1),
      try record(computed: 6, estimate: 1, live: 1), try record(computed: 6, estimate: 4, live: 4),
      try record(computed: 9, estimate: 0, live: 0),
    ]
    let agreement = ErrorAgreement(.all[2], records)
    #expect(agreement.count == 4 && agreement.groupCount == 0 && agreement.groupWorst == nil)
    #expect(agreement.pick?.worst == 3 && agreement.pick?.median == 2)
    // Ratios ⅓, 2, 1, 1.
    #expect(agreement.ratio?.median == 1 && agreement.closePart == 0.5)
    let counting = ErrorAgreement(.counting, records)
    #expect(
      counting.count == 4 && counting.ratio == nil && counting.pick == nil && counting.correlation != nil)
    #expect(Estimator.found(in: records).map(\.name) == ["computed_calls", "direct"])
  }

  // Two settings on two rollouts, 5 computed calls each: means 1½ and 2 estimated, 3 and 2 live. The first is picked.
  @Test func pickedForAllRollouts() throws {
    var records = [
      try record("a", computed: 5, estimate: 1, live: 5), try record("a", computed: 5, estimate: 2, live: 1),
      try record("b", computed: 5, estimate: 3, live: 3), try record("b", computed: 5, estimate: 1, live: 1),
      // Not on every rollout.
      try record("c", computed: 5, estimate: 0.1, live: 9),
    ]
    records[1].rollout = "s"
    records[3].rollout = "s"
    #expect(ErrorAgreement(.direct, records).commonPick == 1.5)
    #expect(ErrorAgreement(.direct, Array(records.prefix(1))).commonPick == nil)
  }

  // What does the same has the same live error and counts once.
  @Test func settingsThatDoTheSameCountOnce() throws {
    let records = try (0..<9).map { try record(computed: 5, estimate: Double($0), live: Double(max($0, 2))) }
    #expect(ErrorAgreement(.direct, records).groupCount == 0)
  }

  @Test func groupsNeedEightSettings() throws {
    let records = try (0..<8).map { try record(computed: 5, estimate: Double($0), live: Double($0 + 1)) }
    let agreement = ErrorAgreement(.all[2], records)
    #expect(agreement.groupCount == 1 && agreement.groupMedian == 1 && agreement.groupWorst == 1)
    #expect(ErrorAgreement(.all[2], Array(records.dropLast())).groupCount == 0)
  }

  // Until the first difference, at the fifth call, four judgements agree in the second pair of rows and the
  // difference counts too; after it one of two agrees. What either side does by rule does not count.
  @Test func decisionsByHand() throws {
    let same = try record(computed: 3, estimate: 1, live: 1, replay: "##CpC#", run: "##CpC#")
    let parted = try record(
      computed: 3, estimate: 1, live: 1, replay: "#CppCpp.", run: "#CpppCp.", ratio: 1.2)
    let both = DecisionAgreement([same, parted])
    #expect(both.before == .init(agreed: 6, count: 7))
    #expect(both.after == .init(agreed: 1, count: 2))
    #expect(both.runCount == 2)
    #expect(same.isWithin(0.05) && !parted.isWithin(0.05))
    #expect(DecisionAgreement([]).before.part == nil)
  }

  @Test func lettersTellRulesFromJudgements() {
    let decisions = [
      Decision(.compute, .warmUp), Decision(.compute, .threshold), Decision(.predict, .threshold),
      Decision(.predict, .schedule), Decision(.compute, .cap),
    ]
    #expect(DecisionLetters.text(decisions) == "#Cp.C")
  }
}
