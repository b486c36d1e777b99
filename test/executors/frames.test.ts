import { expect, test } from 'vitest'
import { FrameReader } from '../../executors/frames.ts'
import { LineSplitter, LOG_LINE_LIMIT } from '../../executors/log-lines.ts'

test('frames come whole, however the bytes are cut', () => {
  const text = 'a1\nr1 {"x":"é😀"}\n\ne2 {}\nrest'
  const bytes = Buffer.from(text)
  for (let size = 1; size <= bytes.length; size++) {
    const frames: string[] = []
    const reader = new FrameReader(
      (line) => frames.push(line),
      () => frames.push('overflow'),
    )
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
    expect(frames).toEqual(['a1', 'r1 {"x":"é😀"}', '', 'e2 {}'])
  }
})

test('an endless frame is reported once, and not kept', () => {
  let overflows = 0
  const reader = new FrameReader(
    () => undefined,
    () => overflows++,
  )
  for (let i = 0; i < 20; i++) reader.push(Buffer.alloc(1 << 20, 'x'))
  expect(overflows).toBe(1)
})

test('log lines: any cut, CRLF, empty lines, the rest at the flush', () => {
  const text = 'one\r\n\ntwo\nthree'
  for (let size = 1; size <= text.length; size++) {
    const lines: string[] = []
    const splitter = new LineSplitter((line) => lines.push(line))
    for (let at = 0; at < text.length; at += size) splitter.push(text.slice(at, at + size))
    splitter.flush()
    splitter.flush()
    expect(lines).toEqual(['one', '', 'two', 'three'])
  }
})

test('of an endless line the beginning is kept, the next line is whole', () => {
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  for (let i = 0; i < 100; i++) splitter.push('x'.repeat(10_000))
  splitter.push('\nnext\n')
  expect(lines.length).toBe(2)
  expect(lines[0]!.length).toBe(LOG_LINE_LIMIT + ' [cut]'.length)
  expect(lines[1]).toBe('next')
})
