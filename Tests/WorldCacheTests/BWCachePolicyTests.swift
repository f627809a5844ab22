import Testing
import Trace

@testable import WorldCache

@Suite("bwcache")
struct BWCachePolicyTests {
  /// The only block of the streams here.
  private let block = Quantity(.block(1))

  @Test("small changes are followed by R predicted calls, in the first half of what is left")
  func byHand() throws {
    // 20 calls, R = 2. Call 1 changes by 1, call 2 by 0: 17 calls are left, of which 8 (3 … 10) may be predicted.
    let values = [1.0] + Array(repeating: 2, count: 19)
    let run = try ScriptedRun("bwcache", [block: values])
    #expect(run.picture == "CCCppCppCppCCCCCCCCC")
    #expect(run.decisions[1].reason == .history)
    #expect(run.decisions[2] == Decision(.compute, .threshold, signal: 1, threshold: 0.15))
    #expect(run.decisions[12].reason == .budget)
  }

  @Test("equality computes; R is at least 1")
  func boundary() throws {
    let values: [Double] = [4, 5, 5, 5, 5, 5]
    #expect(try ScriptedRun("bwcache:threshold=0.25", [block: values]).picture == "CCCpCC")
    #expect(try ScriptedRun("bwcache:threshold=\(0.25.nextUp)", [block: values]).picture == "CCpCCC")
  }

  @Test("the change is averaged over all blocks, measured from the last computed call")
  func blocks() throws {
    let request = try #require(try PolicyRegistry.plan("bwcache").request(blockCount: 3))
    #expect(request.changes == Set((1...3).map { ChangeRequest(Quantity(.block($0)), .all) }))
    #expect(request.site == .hidden)
    let entry = try PolicyRegistry.entry(named: "bwcache")
    #expect(entry.standIn != nil)
  }
}
