import Foundation
import ModelSupport
import TestSupport
import Testing
import Trace

@testable import WorldModel

struct WeightsTests {
  /// What reading the tiny model's file says after a change to it.
  private func failure(
    _ change: (inout [String: (shape: [Int], values: [Float])], inout [String: String]) -> Void
  ) throws -> TraceError {
    var (arrays, metadata) = (TinyModel.arrays, TinyModel.metadata)
    change(&arrays, &metadata)
    let path = try SafetensorsFile.write(SafetensorsFile.bytes(arrays, metadata: metadata))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let error = #expect(throws: TraceError.self) { try Weights(path: path, config: TinyModel.config) }
    return try #require(error)
  }

  @Test func theBundledWeightsFitTheDefaultModel() throws {
    let weights = try Weights.bundled()
    #expect(weights.config == Config())
    #expect(weights.digest.count == 16)
    #expect(weights.metadata["steps_trained"] != nil)
  }

  @Test func weightsThatAreNotBesideTheProgramAreNamed() throws {
    try withTemporaryDirectory { folder in
      let error = #expect(throws: TraceError.self) { try Weights.bundled(beside: folder) }
      #expect(error?.code == .missing)
      #expect(error?.path == folder.path + "/wctrace_WorldModel.resources")
    }
  }

  @Test func arraysArriveUnderTheirNames() throws {
    let weights = try TinyModel.weights()
    #expect(weights.blocks[3].fc2.weight == TinyModel.arrays["blocks.3.fc2.weight"]?.values)
    #expect(weights.positionTime == TinyModel.arrays["pos_time"]?.values)
    #expect(weights.finalOut.bias == TinyModel.arrays["final.out.bias"]?.values)
  }

  @Test func aWrongShapeIsNamed() throws {
    // The same number of values, but (inputs, outputs) instead of (outputs, inputs).
    let error = try failure { arrays, _ in arrays["blocks.1.qkv.weight"]?.shape = [16, 48] }
    #expect(error.code == .invalid && error.location == "blocks.1.qkv.weight")
    #expect(error.message.contains("[16, 48]") && error.message.contains("[48, 16]"))
  }

  @Test func aMissingArrayIsNamed() throws {
    let error = try failure { arrays, _ in arrays["null_action"] = nil }
    #expect(error.code == .lacking && error.location == "null_action")
  }

  @Test func anUnknownArrayIsNamed() throws {
    let error = try failure { arrays, _ in arrays["blocks.6.ada.bias"] = ([1], [0]) }
    #expect(error.code == .invalid && error.location == "blocks.6.ada.bias")
  }

  // No shape depends on the number of heads.
  @Test func metadataMustMatch() throws {
    let other = try failure { _, metadata in metadata["heads"] = "4" }
    #expect(other.code == .invalid && other.location.contains("heads") && other.message.contains("2"))
    let none = try failure { _, metadata in metadata["config"] = nil }
    #expect(none.code == .lacking && none.message.contains(Config.name))
  }
}
