import Foundation
import TestSupport
import Testing
import Trace

// Files whose checksums are right and whose contents contradict themselves.
@Suite struct ContradictionTests {
  // Builds a sound little file with one thing changed, and returns the reader's complaint.
  private func complaint(
    callCount: Int = 2, chunkColumn: [Int32] = [0, 0], tapName: String = "output", tapEntries: Int = 2,
    element: HDF5Element = .float32, states: [UInt8] = [0, 0], layoutName: String = "all",
    block: [Int] = [1, 3, 2],
    valid: [UInt8] = [1, 1, 0], writesStretches: Bool = true, finalTap: String? = nil
  ) throws -> TraceError? {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5").path
      let encoder = BlockEncoder()
      let file = try HDF5File(creating: path)
      let root = file.root
      for (name, value) in [
        ("format", "wctrace"), ("dtype", "float32"), ("model", ""), ("weights_digest", ""),
        ("solver", ""), ("blas_core", ""), ("recorder", ""),
      ] {
        try root.attributes.set(name, value)
      }
      for name in [
        "version", "step_count", "chunk_count", "branch_count", "block_count", "scene_seed", "noise_seed",
        "blas_thread_count",
      ] {
        try root.attributes.set(name, 1)
      }
      try root.attributes.set("shift", 1.0)
      try root.attributes.set("complete", UInt8(1))
      func column<Number: BitwiseCopyable>(
        _ name: String, _ group: HDF5Group, _ element: HDF5Element, _ numbers: [Number]
      ) throws {
        let column = try HDF5Dataset(creatingColumn: name, in: group, element: element, count: numbers.count)
        try column.write(numbers, with: encoder)
      }
      let calls = try root.makeGroup("calls")
      try column("ordinal", calls, .int32, (0..<Int32(callCount)).map { $0 })
      try column("chunk", calls, .int32, chunkColumn)
      for name in ["branch", "expert", "stage", "step", "position"] {
        try column(name, calls, .int32, [Int32](repeating: 0, count: 2))
      }
      for name in ["timestep", "sigma", "guidance", "weight", "seconds"] {
        try column(name, calls, .float64, [0.0, 0.0])
      }
      let layout = try root.makeGroup("layouts").makeGroup("all")
      try layout.attributes.set("modalities", "rgb")
      try layout.attributes.set("channels", 2)
      for name in ["modality", "frame", "row", "column", "valid_channels"] {
        try column(name, layout, .int32, [Int32](repeating: 0, count: 3))
      }
      try column("valid", layout, .uint8, valid)
      let tap = try HDF5Dataset(
        creating: finalTap ?? tapName, in: root.makeGroup("taps"), element: element,
        extent: [tapEntries, 3, 2],
        block: block)
      try tap.attributes.set("layout", layoutName)
      if finalTap != nil {
        let final = try HDF5Dataset(
          creating: "final", in: root, element: .float32, extent: [1, 3, 2], block: [1, 3, 2])
        try final.attributes.set("layout", layoutName)
      }
      try column(finalTap ?? tapName, root.makeGroup("states"), .uint8, states)
      let stretches = try root.makeGroup("stretches")
      if writesStretches {
        for tap in Tap.line(blockCount: 1) { try column(tap.name, stretches, .float64, [0.0, 0.0]) }
      }
      try file.close()
      do throws(TraceError) {
        let reader = try TraceReader(path: path)
        for call in reader.calls.indices where states[call] != 0 && finalTap == nil {
          _ = try reader.feature(.output, call: call)
        }
        return nil
      } catch {
        #expect(error.code == .corrupt)
        return error
      }
    }
  }

  @Test func finalLatentsNeedATapOfTheirLayout() throws {
    #expect(try complaint(finalTap: "latent") == nil)
    #expect(
      try complaint(finalTap: "timestep")?.message.hasPrefix("final latents have the layout of the first")
        == true)
  }

  @Test func theUnchangedFileIsSound() throws {
    #expect(try complaint() == nil)
  }

  @Test func columnsOfDifferentLength() throws {
    let error = try complaint(callCount: 3)
    #expect(error?.location == "/calls/chunk")
    #expect(error?.message == "there must be 3 entries, there are 2")
  }

  @Test func chunkOutsideTheRollout() throws {
    #expect(try complaint(chunkColumn: [0, 1])?.message == "the chunk of call 1 must be 0 to 0, it is 1")
  }

  @Test(arguments: ["block.2", "outputs", "hidden.-1"])
  func unknownTap(name: String) throws {
    let error = try complaint(tapName: name)
    #expect(error?.location == "/taps/\(name)")
    #expect(error?.message == "a model with 1 blocks has no tap of this name")
  }

  @Test func tensorsForOtherCalls() throws {
    #expect(try complaint(tapEntries: 3)?.message == "the size must be 2 x 3 x 2, it is [3, 3, 2]")
  }

  @Test func numbersOfAnotherType() throws {
    #expect(try complaint(element: .float16)?.message == "the numbers have a type that is not allowed here")
  }

  @Test func unknownState() throws {
    let error = try complaint(states: [0, 4])
    #expect(error?.location == "/states/output")
    #expect(error?.message == "a state must be 0 to 3")
  }

  @Test func unknownLayout() throws {
    #expect(try complaint(layoutName: "other")?.message == "there is no layout 'other'")
  }

  @Test func blocksOfAnotherShape() throws {
    #expect(try complaint(block: [1, 2, 2])?.message == "the blocks must be [1, 3, 2], they are [1, 2, 2]")
  }

  @Test func validNeitherTrueNorFalse() throws {
    #expect(try complaint(valid: [1, 2, 0])?.location == "/layouts/all/valid")
  }

  @Test func missingStretches() throws {
    let error = try complaint(writesStretches: false)
    #expect(error?.location == "/stretches/latent")
    #expect(error?.message == "this part of the trace is not there")
  }

  // The state promises a tensor that was never stored.
  @Test func missingBlock() throws {
    #expect(try complaint(states: [0, 1])?.message == "the block at [1, 0, 0] is missing or damaged")
  }
}
