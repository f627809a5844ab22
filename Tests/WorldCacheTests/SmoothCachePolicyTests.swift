import Foundation
import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("smoothcache")
struct SmoothCachePolicyTests {
  @Test("the scan tries the longest distance first and goes on behind what it skips")
  func scan() {
    // 8 calls, rows of distance 1, 2, 3. At 0 distance 3 fits: 1, 2, 3 skipped. At 4 only distance 2: 5, 6 skipped.
    // 7 is the last.
    let rows = [[9.0, 9, 9, 9, 9, 9, 9], [9, 9, 9, 9, 0.1, 9], [0.1, 0.1, 0.1, 0.1, 0.2]]
    #expect(SmoothCachePolicy.Scan(rows: rows, alpha: 0.1, callCount: 8).computed.sorted() == [0, 4, 7])
    // Equality counts; one unit less does not.
    #expect(
      SmoothCachePolicy.Scan(rows: rows, alpha: 0.1.nextDown, callCount: 8).computed == Set(0..<8))
    // A long distance is taken though the shorter ones are worse.
    #expect(SmoothCachePolicy.Scan(rows: rows, alpha: 0.2, callCount: 8).computed.sorted() == [0, 4, 7])
  }

  @Test("a skip may cover the last call, which is then computed after all; NaN never fits")
  func last() {
    #expect(SmoothCachePolicy.Scan(rows: [[0, 0, 0]], alpha: 0, callCount: 4).computed == [0, 2, 3])
    #expect(SmoothCachePolicy.Scan(rows: [[.nan, 0, 0]], alpha: 1, callCount: 4).computed == [0, 1, 3])
  }

  @Test("rows of a trace: mean absolute change over the newer value")
  func rows() throws {
    // f = 1, 2, 4, 4: distance 1: 1/2, 2/4, 0; distance 2: 3/4, 2/4.
    let synthetic = Synthetic(tokens: [[1, 2, 4, 4]])
    let plan = try PolicyRegistry.plan("smoothcache:site=output,lookahead=2")
    let geometry = try synthetic.geometry(for: plan)
    let rows = SmoothCachePolicy.rows(of: geometry, at: .output, lookahead: 2)
    #expect(rows == [[0.5, 0.5, 0], [0.75, 0.5]])
    #expect(try StreamReplay("smoothcache:site=output,alpha=0.5", synthetic).picture == "CpCC")
    #expect(try StreamReplay("smoothcache:site=output,alpha=0.49", synthetic).picture == "CCCC")
  }

  @Test("rows of a file are checked")
  func file() throws {
    try withTemporaryDirectory { try file(in: $0) }
  }

  private func file(in folder: URL) throws {
    let path = folder.appending(path: "rows.json").path
    let synthetic = Synthetic(tokens: [[1, 2, 4, 4]])
    try Data("{\"rows\": [[0.5, 0.01, 0.01], [1, 0.01]]}".utf8).write(to: URL(filePath: path))
    let spec = "smoothcache:site=output,alpha=0.1,rows=\(path)"
    #expect(try StreamReplay(spec, synthetic).picture == "CCpC")
    try Data("{\"rows\": [[0.5, 0.01]]}".utf8).write(to: URL(filePath: path))
    expectPolicyError("row 0 of '\(path)' has 2 errors; 4 calls have 3 pairs 1 apart") {
      _ = try StreamReplay(spec, synthetic)
    }
    try Data("[]".utf8).write(to: URL(filePath: path))
    expectPolicyError("'\(path)' is not a JSON object with rows, a list of lists of numbers") {
      _ = try StreamReplay(spec, synthetic)
    }
    expectPolicyError("the file of rows '\(path)x' cannot be read") {
      _ = try StreamReplay(spec + "x", synthetic)
    }
  }
}
