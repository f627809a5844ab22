import Testing
import Trace

/// Runs `body`, which must throw a `TraceError` of this code, and returns the error.
@discardableResult
func expectTraceError<Result>(
  _ code: TraceError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result
) -> TraceError? {
  let error = #expect(throws: TraceError.self, sourceLocation: sourceLocation) { _ = try body() }
  #expect(error?.code == code, "\(String(describing: error))", sourceLocation: sourceLocation)
  return error
}
