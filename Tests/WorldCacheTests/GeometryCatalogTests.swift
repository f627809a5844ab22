import Foundation
import TestSupport
import Testing

@testable import Trace
@testable import WorldCache

@Suite("Geometries kept beside a trace")
struct GeometryCatalogTests {
  private let source = SyntheticTrace(Synthetic(.smooth, seed: 4, branches: 2, calls: 9, tokens: 5))
  private let digest = TraceDigest("00000000000000aa")
  private let change = ChangeRequest(Quantity(.block(1), minus: .hidden(0)), .all)
  private var requests: [GeometryRequest] {
    [
      GeometryRequest(.output, changes: [ChangeRequest(Quantity(.modulated), .adjacent)]),
      GeometryRequest(.stack, changes: [change]), GeometryRequest(.guided),
      GeometryRequest(.hidden, split: .fourier(fraction: 0.5)),
    ]
  }

  @discardableResult
  private func expectTraceError(
    _ code: TraceError.Code, location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) -> TraceError? {
    let error = #expect(throws: TraceError.self, sourceLocation: location) { try body() }
    #expect(error?.code == code, "\(String(describing: error))", sourceLocation: location)
    return error
  }

  // Whether two geometries answer alike, bit for bit.
  private func expectEqual(_ a: [Geometry], _ b: [Geometry], _ request: GeometryRequest) {
    #expect(a.count == b.count)
    for (a, b) in zip(a, b) {
      #expect(a.calls == b.calls && a.tokens == b.tokens && a.modalities == b.modalities, "\(request.site)")
      #expect(a.emissionSquaredNorms == b.emissionSquaredNorms, "\(request.site)")
      #expect(a.stretchSeconds == b.stretchSeconds && a.recordedBranchCount == b.recordedBranchCount)
      #expect(a.split == b.split && a.blockCount == b.blockCount && a.chunk == b.chunk)
      for u in 0..<a.distances.pointCount {
        for v in (u + 1)...a.distances.pointCount {
          #expect(a.distances.squaredDistances(u, v) == b.distances.squaredDistances(u, v), "\(u), \(v)")
        }
      }
      #expect(Set(a.changes.keys) == Set(b.changes.keys))
      for (request, table) in a.changes {
        for position in 1..<table.callCount {
          for branch in 0..<table.branchCount {
            #expect(
              table.absoluteChange(position - 1, position, branch: branch)
                == b.changes[request]?.absoluteChange(position - 1, position, branch: branch))
          }
        }
      }
    }
  }

  @Test("from the folder, without the trace, and from memory come the same numbers")
  func roundTrip() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.geometry").path
      let writing = GeometryCatalog(source, digest: digest, folder: path)
      let memory = GeometryCatalog(source)
      for request in requests {
        let expected = try memory.geometries(for: request)
        expectEqual(try writing.geometries(for: request), expected, request)
        expectEqual(try GeometryCatalog(folder: path).geometries(for: request), expected, request)
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
      #expect(
        names == [
          "block.1-hidden.0.changes", "guided.wcg", "hidden.fourier-0.5.wcg", "modulated.adjacent.changes",
          "output.wcg", "stack.wcg",
        ])
    }
  }

  @Test("a folder without the trace names what it does not hold")
  func missing() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.geometry").path
      _ = try GeometryCatalog(source, digest: digest, folder: path).geometries(for: GeometryRequest(.output))
      let alone = try GeometryCatalog(folder: path)
      let error = expectTraceError(.missing) { _ = try alone.geometries(for: GeometryRequest(.stack)) }
      #expect(error?.path == path + "/stack.wcg")
      expectTraceError(.notATrace) { _ = try GeometryCatalog(folder: folder.path) }
    }
  }

  @Test("what another trace left behind is measured anew; without the trace it is refused")
  func stale() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.geometry").path
      let other = SyntheticTrace(Synthetic(.smooth, seed: 9, branches: 2, calls: 9, tokens: 5))
      let request = requests[1]
      _ = try GeometryCatalog(other, digest: TraceDigest("00000000000000bb"), folder: path)
        .geometries(for: request)
      _ = try GeometryCatalog(source, digest: digest, folder: path).geometries(for: GeometryRequest(.output))
      // The first file by name is output.wcg: stack.wcg and the changes belong to another trace.
      expectTraceError(.corrupt) { _ = try GeometryCatalog(folder: path).geometries(for: request) }
      expectEqual(
        try GeometryCatalog(source, digest: digest, folder: path).geometries(for: request),
        try GeometryCatalog(source).geometries(for: request), request)
      _ = try GeometryCatalog(folder: path).geometries(for: request)
    }
  }

  @Test("every flipped byte and every cut is an error or is measured anew, never another number")
  func damage() throws {
    try withTemporaryDirectory { folder throws in
      let small = SyntheticTrace(Synthetic(.smooth, seed: 4, calls: 4, tokens: 2, channels: 1))
      let path = folder.appendingPathComponent("x.geometry").path
      let request = GeometryRequest(.stack, changes: [change])
      let sound = try GeometryCatalog(small, digest: digest, folder: path).geometries(for: request)
      for name in ["stack.wcg", "block.1-hidden.0.changes"] {
        let file = URL(filePath: path).appending(path: name)
        let bytes = try Data(contentsOf: file)
        func expectCaught(_ damaged: Data, _ what: String) throws {
          try damaged.write(to: file)
          // Alone: an error when it is opened, or at the latest when a row is asked for.
          let alone = try? GeometryCatalog(folder: path).geometries(for: request)
          if let alone {
            for u in 0..<4 {
              for v in (u + 1)...4 { _ = alone[0].distances.squaredDistances(u, v) }
            }
            #expect(throws: TraceError.self, "\(name), \(what)") { try alone[0].distances.requireIntact() }
          }
        }
        for place in bytes.indices {
          var damaged = bytes
          damaged[place] ^= UInt8(1 << (place % 8))
          try expectCaught(damaged, "byte \(place) flipped")
        }
        for count in bytes.indices { try expectCaught(bytes[..<count], "cut to \(count)") }
        try expectCaught(bytes + Data([0]), "one byte more")
        // With the trace at hand a cut file is made again.
        try bytes[..<(bytes.count / 2)].write(to: file)
        expectEqual(
          try GeometryCatalog(small, digest: digest, folder: path).geometries(for: request), sound, request)
        try bytes.write(to: file)
      }
    }
  }

  @Test("a replay over damaged distances ends in an error")
  func damagedReplay() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.geometry").path
      _ = try GeometryCatalog(source, digest: digest, folder: path).geometries(for: GeometryRequest(.output))
      let file = URL(filePath: path).appending(path: "output.wcg")
      var bytes = try Data(contentsOf: file)
      for place in stride(from: 8, to: 2000, by: 40) { bytes[place] ^= 1 }
      try bytes.write(to: file)
      let plan = try PolicyRegistry.plan("interval")
      let geometries = try plan.geometries(in: GeometryCatalog(folder: path))
      let error = expectTraceError(.corrupt) { _ = try Replay(plan, over: geometries) }
      #expect(error?.path == file.path)
    }
  }
}
