import Foundation
public import Trace

/// A feedback file: safetensors with the matrices as arrays (K, C, C) named `call.branch.modality`, and everything
/// else as JSON under `__metadata__`.
extension Feedback {
  private static let kind = "wctrace feedback 2"

  private struct Facts: Codable {
    var scope: FeedbackScope
    var boundaries: [[Double]]
    var sizeBoundaries: [Double]
    var unexplained: [Double?]
    var fittedUnrests: [Double]
  }

  /// Writes the file whole or not at all; throws `inputOutput`.
  public func write(to path: String) throws {
    let facts = Facts(
      scope: scope, boundaries: boundaries, sizeBoundaries: sizeBoundaries, unexplained: unexplained,
      fittedUnrests: fittedUnrests)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(facts), as: UTF8.self)
    let arrays = Feedback.names(scope, classCount: classCount).enumerated().map { place, array in
      (name: array.name, shape: array.shape, values: matrices[place])
    }
    try Safetensors.write(arrays, metadata: ["kind": Feedback.kind, "facts": text], to: path)
  }

  /// Reads a file that ``write(to:)`` made; throws a ``TraceError`` for anything else.
  public init(path: String) throws { try self.init(Safetensors(path: path)) }

  /// The same of an open file.
  public init(_ file: Safetensors) throws {
    let path = file.path
    guard file.metadata["kind"] != "wctrace feedback 1" else {
      throw TraceError(
        .invalid, path: path, "an older 'wctrace feedback' made this file; make it again with today's")
    }
    guard file.metadata["kind"] == Feedback.kind, let text = file.metadata["facts"],
      let facts = try? JSONDecoder().decode(Facts.self, from: Data(text.utf8))
    else {
      throw TraceError(.invalid, path: path, "this is no feedback file; 'wctrace feedback' makes one")
    }
    let classes = Set(facts.boundaries.map(\.count))
    guard facts.boundaries.count == facts.scope.modalities.count, classes.count == 1,
      facts.unexplained.count == facts.scope.sigmas.count, facts.scope.branchCount > 0,
      (facts.boundaries + [facts.sizeBoundaries]).allSatisfy({
        $0.allSatisfy(\.isFinite) && $0 == $0.sorted()
      }),
      !facts.fittedUnrests.isEmpty, facts.fittedUnrests.allSatisfy({ $0.isFinite && $0 >= 0 }),
      facts.fittedUnrests == facts.fittedUnrests.sorted()
    else { throw TraceError(.corrupt, path: path, at: "facts", "the parts of the file do not fit together") }
    // Checked before names are made for as many.
    let (modalities, steps) = (facts.scope.modalities.count, facts.scope.sigmas.count)
    guard facts.scope.branchCount <= file.entries.count, modalities > 0,
      steps * modalities * facts.scope.branchCount == file.entries.count
    else {
      throw TraceError(
        .corrupt, path: path, at: "facts",
        "\(steps) calls, \(facts.scope.branchCount) branches and \(modalities) modalities need one matrix each; there are "
          + "\(file.entries.count)")
    }
    var matrices: [[Float]] = []
    for (name, shape) in Feedback.names(
      facts.scope, classCount: (classes.first! + 1) * (facts.sizeBoundaries.count + 1))
    {
      let values = try file.values(name)
      guard file.entries[name]?.shape == shape, values.allSatisfy(\.isFinite) else {
        throw TraceError(
          .corrupt, path: path, at: name, "the array must hold finite numbers of the shape \(shape)")
      }
      matrices.append(values)
    }
    self = Feedback(
      scope: facts.scope, boundaries: facts.boundaries, sizeBoundaries: facts.sizeBoundaries,
      matrices: matrices, unexplained: facts.unexplained,
      fittedUnrests: facts.fittedUnrests)
  }

  private static func names(_ scope: FeedbackScope, classCount: Int) -> [(name: String, shape: [Int])] {
    scope.sigmas.indices.flatMap { position in
      (0..<scope.branchCount).flatMap { branch in
        scope.modalities.map {
          ("\(position).\(branch).\($0.name)", [classCount, $0.channelCount, $0.channelCount])
        }
      }
    }
  }
}
