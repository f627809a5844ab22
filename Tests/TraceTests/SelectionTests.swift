import TestSupport
import Testing
import Trace

@Suite struct SelectionTests {
  @Test(
    "numbers are written as ranges with a step",
    arguments: [
      ("7", [7]), ("0..3", [0, 1, 2, 3]), ("0..6/3", [0, 3, 6]), ("5,1..2,2", [5, 1, 2]),
    ])
  func lists(text: String, indices: [Int]) throws {
    let list = try #require(IndexList(text))
    #expect(list.indices(limit: 10) == indices)
    #expect((0..<10).filter(list.contains) == indices.sorted())
    #expect(list.description == text)
  }

  @Test("an open range goes on for ever, and has no list of its numbers")
  func open() throws {
    let list = try #require(IndexList("3../2"))
    #expect((0..<10).filter(list.contains) == [3, 5, 7, 9])
    #expect(list.indices(limit: 100) == nil)
    #expect(IndexList("0..9")?.indices(limit: 9) == nil)
  }

  @Test(
    "what is no list is refused",
    arguments: [
      "", "a", "-1", "3..1", "1..2/0", "1,,2", "7/2", "..3", "99999999999999999999",
      "0..99999999999999999999",
    ])
  func refused(text: String) {
    #expect(IndexList(text) == nil)
  }

  // Six tokens: modalities rgb disparity rgb ..., frames 000111, columns 012012.
  private func rows(_ regions: String...) throws -> [Int]? {
    Selection(regions: try regions.map { try TokenRegion($0) }).rows(of: SampleTrace.output)
  }

  @Test func regionsChooseTokens() throws {
    #expect(try rows("modality=rgb") == [0, 2, 4])
    #expect(try rows("frame=1,column=0..1") == [3, 4])
    #expect(try rows("column=0+2,frame=0") == [0, 2])
    #expect(try rows("frame=0,column=0", "frame=1,column=2") == [0, 5])
    // All tokens are no selection, and a step vector has none.
    #expect(try rows("row=0") == nil)
    #expect(Selection(regions: [try TokenRegion("frame=5")]).rows(of: SampleTrace.step) == nil)
    // A layout that does not know the modality is not narrowed by it.
    #expect(try rows("modality=joint,frame=1") == [3, 4, 5])
  }

  @Test func regionsThatMeanNothingAreRefused() throws {
    for (text, message) in [
      ("frame", "'frame' in the token region 'frame' is not key=value, such as frame=0..3"),
      ("colum=1", "a token region has modality, frame, row and column, and no 'colum'"),
      ("row=x", "'row=x' in the token region 'row=x' needs numbers such as 2, 0..3, 0..6/2 or 0+5"),
    ] {
      let error = #expect(throws: TraceError.self) { try TokenRegion(text) }
      #expect(error?.message == message)
    }
    let layouts = [SampleTrace.output, SampleTrace.step]
    let unknown = #expect(throws: TraceError.self) {
      try Selection(regions: [TokenRegion("modality=audio")]).applied(to: layouts)
    }
    #expect(unknown?.message == "no token has the modality 'audio'; there are rgb, disparity")
    let empty = #expect(throws: TraceError.self) {
      try Selection(regions: [TokenRegion("frame=2")]).applied(to: layouts)
    }
    #expect(empty?.message == "the layout output has no token with frame=2")
  }

  // Two calls of two branches through `latent`, `timestep` and `guided` of the sample's model.
  private func record(_ selection: Selection, to path: String) throws -> TraceReader {
    let whole = [SampleTrace.output, SampleTrace.step]
    let header = TraceHeader(
      model: "m", solver: "euler", shift: 1, stepCount: 2, branchCount: 2, blockCount: 1, recorder: "tests")
    let writer = try TraceWriter(
      path: path, header: header, layouts: try selection.applied(to: whole),
      taps: [.latent: "output", .timestep: "step", .guided: "output"], callCount: 4)
    var recorder = Recorder(sink: writer, selection: selection, layouts: whole)
    for step in 0..<2 {
      let group = (0..<2).map {
        Call(
          ordinal: 2 * step + $0, branch: $0, step: step, position: step, timestep: 5, sigma: 1, weight: -1)
      }
      try recorder.begin(group)
      for tap in Tap.line(blockCount: 1) {
        let name: Tap = tap == .timestep ? .timestep : .output
        let tensors = group.map { SampleTrace.tensor(name, call: $0.ordinal) }
        _ = try recorder.reached(tap, tap == .guided ? [tensors[0]] : tensors)
      }
    }
    try writer.finish()
    return try TraceReader(path: path)
  }

  @Test("only selected calls and tokens are recorded, and every call keeps its entry")
  func recording() throws {
    try withTemporaryDirectory { folder in
      let selection = Selection(calls: IndexList("1..2"), regions: [try TokenRegion("frame=1,column=0..1")])
      let trace = try record(selection, to: folder.path + "/x.h5")
      #expect(trace.calls.map(\.ordinal) == [0, 1, 2, 3])
      #expect(trace.calls.allSatisfy { $0.timestep == 5 })
      #expect(try trace.states(of: .latent) == [.absent, .fresh, .fresh, .absent])
      // `guided` belongs to the first branch of a step, calls 0 and 2.
      #expect(try trace.states(of: .guided) == [.absent, .absent, .fresh, .absent])
      #expect(try trace.layout(of: .latent).tokens == Array(SampleTrace.output.tokens[3...4]))
      let whole = SampleTrace.tensor(.output, call: 2).values
      #expect(try trace.feature(.latent, call: 2).values == Array(whole[12..<20]))
      #expect(try trace.feature(.timestep, call: 2) == SampleTrace.tensor(.timestep, call: 2))
      _ = try TraceVerification(of: trace)
      let error = #expect(throws: TraceError.self) {
        try GeometryBuilder.geometries(of: trace, GeometryRequest(.guided))
      }
      #expect(error?.code == .lacking)
      #expect(
        error?.message == "replay needs the tap guided at every call, and it was not recorded at this one")
      #expect(error?.location == "call 0")
    }
  }

  @Test("estimates count what is selected")
  func estimate() throws {
    let selection = Selection(calls: IndexList("0..1"), regions: [try TokenRegion("frame=1,column=0..1")])
    let layouts = try selection.applied(to: [SampleTrace.output, SampleTrace.step])
    let estimate = RecordingEstimate(
      calls: SampleTrace.calls, layouts: layouts,
      taps: [.latent: "output", .timestep: "step", .guided: "output"], dtype: .float16, selection: selection,
      finalCount: 2)
    // Calls 0 and 1: two latents of 2 x 4, two vectors of 5, one guided of 2 x 4; two finals in float32.
    #expect(estimate.rawByteCount == (2 * 8 + 2 * 5 + 8) * 2 + 2 * 8 * 4)
    #expect(estimate.largestByteCount > estimate.rawByteCount)
    let error = #expect(throws: TraceError.self) {
      try RecordingEstimate.requireSpace(1 << 60, at: "/tmp/x.h5")
    }
    #expect(error?.code == .inputOutput)
    #expect(error?.message.hasPrefix("up to 1152921504607 MB are needed and ") == true)
    try RecordingEstimate.requireSpace(1, at: "/tmp/x.h5")
  }
}
