// A worker as one writes it by hand. Given: address, namespace, taskQueue, bundle. Its options are those of engine/temporal/worker.ts.
// before the SDK is loaded: it turns the compile cache on
import { given, ready } from './child.mjs'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { FUNCTIONS, slow } from './functions.mjs'

const { address, namespace, taskQueue, bundle } = given
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  namespace,
  taskQueue,
  workflowBundle: { codePath: bundle },
  activities: { ...FUNCTIONS, slow },
  maxConcurrentActivityTaskExecutions: 200,
  stickyQueueScheduleToStartTimeout: 1000,
  maxHeartbeatThrottleInterval: 1000,
  defaultHeartbeatThrottleInterval: 1000,
})
const running = worker.run()
ready(async () => {
  worker.shutdown()
  await running
})
